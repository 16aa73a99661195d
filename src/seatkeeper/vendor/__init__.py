"""The vendor daemon's mind: a deterministic machine over a log, without sockets, files or clocks."""
