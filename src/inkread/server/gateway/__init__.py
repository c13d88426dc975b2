"""The public service: log-in, roles, the web page; forwards to the services behind it."""
