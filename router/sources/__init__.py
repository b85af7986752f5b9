"""Where events come from: workspaces and custom topics, with their keys."""
