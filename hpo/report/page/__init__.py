"""A campaign as one HTML file that opens anywhere, without a server and without a request.

`sources` reads the campaign's files, the pure modules make of them what is drawn (`model`), and
`render` puts that, the scripts in `assets/` and the vendored charts into the page. Needs the extra
`report`.
"""
