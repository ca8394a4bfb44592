"""Where the examples' objectives lay in version 0.1.0; gone after the next release."""
