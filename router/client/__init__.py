"""An outsider's view of a router: find it, ask its ARM API, publish to it, all over HTTP."""
