"""Stage 1: a request becomes valid events on workspace.events."""
