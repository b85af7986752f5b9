"""Stage 2: an event is written to every topic sink that wants it, and becomes a delivery for every push sink."""
