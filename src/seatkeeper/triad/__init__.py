"""Three servers over one log: who is the master, what the others do meanwhile, and what may be told to whom when."""
