"""Reading and converting events, in both schemas and all Kafka bindings."""
