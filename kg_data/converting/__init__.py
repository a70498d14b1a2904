"""Official folders of other forms, converted to those that are loaded."""
