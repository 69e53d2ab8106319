# Prints how many words its input has.
wc -w | tr -d ' '
