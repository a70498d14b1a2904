"""How the page is served: its guard, limits, looks and programs' interface."""
