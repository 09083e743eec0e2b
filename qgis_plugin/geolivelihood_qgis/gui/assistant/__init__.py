"""The assistant "From clusters and photos to a map": five pages that gather an algorithm's parameters."""
