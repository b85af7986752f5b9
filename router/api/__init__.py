"""The management API: Azure Resource Manager paths and our own."""
