module json-check

go 1.21
