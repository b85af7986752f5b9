"""The load tester, an outsider: it knows the wire contract and the API, and believes what it has received."""
