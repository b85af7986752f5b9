"""How to deliver: one file for each kind of push sink."""
