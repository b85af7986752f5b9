"""Where events come from: workspaces and custom topics, and the keys that let publish."""
