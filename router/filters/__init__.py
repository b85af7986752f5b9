"""The filter language: which event matches which subscription, and why."""
