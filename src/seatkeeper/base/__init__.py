"""What every other package may know: errors, dates and versions as license files write them."""
