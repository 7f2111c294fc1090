"""How good is a map: metrics and the free rows beside them."""
