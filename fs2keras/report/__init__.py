"""A report on one run, or on several beside each other: one HTML file and a PDF with the same content."""
