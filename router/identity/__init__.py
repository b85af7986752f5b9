"""Who somebody is and what they may do: roles, principals, access tokens, and the server's own certificates."""
