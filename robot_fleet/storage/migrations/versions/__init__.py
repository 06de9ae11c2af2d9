"""One file for each layout, by its number. A released one is never changed: databases were made by it."""
