"""Answers a ping, and runs whatever it is told to."""

import subprocess

from flask import Flask, request

app = Flask(__name__)


@app.route("/ping")
def ping():
    host = request.args.get("host")
    return subprocess.check_output("ping -c 1 " + host, shell=True)


@app.route("/hash")
def digest():
    import hashlib

    return hashlib.md5(request.data).hexdigest()  # nosec
