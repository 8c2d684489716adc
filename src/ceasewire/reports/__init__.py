"""What goes into the record from other people's tables, and what comes out of it as bulletins. Pure: text in, values out."""
