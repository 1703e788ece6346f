"""What an application gets of the kit: frames a second, age of the picture in a browser, cost."""
