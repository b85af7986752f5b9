"""What the management API keeps beside sources and subscriptions: system topics, providers, principals, keys."""
