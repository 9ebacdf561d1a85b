"""Tools that make the programs from their sources and their interfaces; nothing at run time imports them."""
