"""The client's mind: where to ask, how to keep what was granted, when it is lost. No sockets, files or clocks."""
