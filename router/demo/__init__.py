"""The demo: a whole router on this machine, four subscriptions, ten Azure ML events, and who got what and why not."""
