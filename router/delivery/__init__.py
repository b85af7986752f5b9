"""Stage 3: a delivery becomes one attempt, and what follows from it."""
