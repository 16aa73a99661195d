"""How licensed applications take, keep, lose and regain seats: one profile a module, on shared behaviours."""
