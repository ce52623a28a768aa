module stepwell.dev/tests/go-keys

go 1.24
