"""The router: what happens to an event between its publisher and its subscribers."""
