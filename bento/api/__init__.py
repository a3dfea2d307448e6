"""The public contract: routes, what they take and give, and how they refuse."""
