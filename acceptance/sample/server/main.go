// Answers with a user's row, and with everybody's.
package main

import (
	"database/sql"
	"net/http"
)

func rows(db *sql.DB, request *http.Request) (*sql.Rows, error) {
	return db.Query("SELECT * FROM users WHERE name = '" + request.FormValue("name") + "'")
}

func main() {
	http.HandleFunc("/", func(_ http.ResponseWriter, request *http.Request) {
		_, _ = rows(nil, request)
	})
	_ = http.ListenAndServe(":8080", nil)
}
