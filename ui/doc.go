// Package ui is what people see: pages in templ, the view models that they are
// pure functions of, and the reducer that turns recorded entries into a
// conversation (Transcript). It knows no store, no router and no clock: `Now`
// is a field. Styles and scripts lie in assets/web; without scripts every page
// reads and every form works.
//
// # Pages that the daemon serves
//
//	GET  /                              DashboardPage(NewDashboard(…, Filter from q, state, agent)); Shell.Cursor = number of the last event
//	GET  /board                         Board of the same, without a filter: a fragment
//	GET  /sessions/new                  NewSessionPage; ?source=folder|git&repo=…&local_path=… fill the form
//	POST /sessions/new                  ReadForm(r.PostForm).Create(); 303 to /sessions/{id}/chat, or 422 with the page (NewPage.Take)
//	GET  /sessions/{id}                 303 to /sessions/{id}/chat
//	GET  /sessions/{id}/{tab}           SessionView; tab is one of Tabs; chat?before=n: earlier items for readers without script; preview?port=n
//	GET  /sessions/{id}/stop, …/delete  Confirm: the question as a page
//	POST /sessions/{id}/start, …/stop, …/delete   303 to /sessions/{id} (delete: to /), or 204 when Accept is application/json; errors likewise as a page or {"detail"}
//	POST /sessions/{id}/prompt          form field text → a prompt of one block; 303 back to the chat
//	POST /sessions/{id}/answer          form fields id, option; 303 back to the chat
//	GET  /sessions/{id}/loss?act=       LossView: a fragment; it may take seconds, and says Known false rather than fail
//	POST /found/{id}/adopt, …/delete    303 to /;  GET /found/{id}/delete: FoundDelete
//	POST /image/build                   303 to /
//	GET  /about                         About
//	any                                 Failure for errors, Login with 401 where nobody is logged in
//	GET  /assets/…                      assets.Web()
//
// Stable addresses of what lies on other origins, each a 303 to its surface:
// /s/{id}/editor/, /s/{id}/terminal/, /s/{id}/preview/{port}/. Their frames are
// sandboxed without top navigation.
//
// # Live parts
//
//	GET /events?after=n                 text/event-stream; Last-Event-ID wins over after
//	  event: session  id: n             SessionEvent: the row and the header of one session
//	  event: gone     id: n             {"id"}: a session was deleted
//	  event: stats    (no id)           {"html": DashboardFooter(…)}
//	  event: image    (no id)           {"html": ImageNotice(…)}
//	  event: stale    (no id)           {"id": n}: after is not a number of this database; n is its last one. Pages load anew
//	GET /s/{id}/session                 WebSocket client.PageProtocol, beside client.ChatProtocol
//	GET /s/{id}/items?before=n          EarlierItems(id, Earlier(…)): a fragment
//	GET /s/{id}/bodies/{hash}           a tool's whole output, as an attachment
//	GET /api/v1/volundr/sessions/{id}/logs?lines=500
//
// An open chat is one Transcript: load the last entries (2,000 will do) with
// the standing ones before them, call Page, then send RenderItem of
// Transcript.After(hello.after) and caught_up; from then on Apply each entry
// and send the ids that it returns, an open text at most 20 times a second. A
// hello older than the entries loaded is answered by a reload frame.
//
// The pages live with this Content-Security-Policy: default-src 'none';
// script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';
// worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors
// 'none'; frame-src 'self' and the surfaces' origins. (Browsers whose 'self'
// leaves WebSockets out need the ws: origin in connect-src.)
package ui
