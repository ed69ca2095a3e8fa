"""One folder for each thing that is measured over HTTP: how it is installed, served and talked to."""
