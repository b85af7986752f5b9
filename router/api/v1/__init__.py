"""/v1: what became of events, and putting dead letters back into delivery (design §10)."""
