"""Who wants what: the stored subscriptions and every process's view of them."""
