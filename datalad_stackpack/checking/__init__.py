"""Is a stack whole, and does the archive still say the same?"""
