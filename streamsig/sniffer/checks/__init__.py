"""Whether the values of a sample bear out the layout, and what a user should be warned of."""
