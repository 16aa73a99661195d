"""The license server's processes: lmgrd, which supervises and hands clients over, and the vendor daemon, which serves them."""
