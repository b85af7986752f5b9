"""Stage 4: deliveries wait until they are due, then go back to router.deliveries."""
