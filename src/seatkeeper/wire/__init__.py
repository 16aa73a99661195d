"""The protocol between applications, tools, lmgrd and vendor daemons, without sockets (docs/protocol.md)."""
