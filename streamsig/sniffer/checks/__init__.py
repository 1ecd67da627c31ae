"""Whether the values of a sample agree with the layout, and what a user should be warned of."""
