"""The only package that touches libcurl: handles, TLS, proxies, file descriptors."""
