"""The management API: event subscriptions and their sources, on Azure Resource Manager's paths."""
