"""The outside world, one module for each part of it: files, clocks, hosts, keys, the journal."""
