### $name (text) the customer's name
### $value (date) the date that was understood

greeting = Hello, am I speaking with { $name }?
who-is-calling = It is { $from }, for { $name }.
# $from (text) who calls
still-there = Are you still there?
    Please say yes or no. */ """ \
# $type (text) which instalment
# $amount (money) what is due
# $due-date (date) the day it is due
# $at (time) the time
# $count (integer) how many
# $last-four (digits) of the account
type = Your { $type } instalment, number { $count }, of loan { $last-four }: { $amount } is due on { $due-date }, { $at }.
class = Do you travel first class?
reason = Why?
code = Please key in your code.
pay-day = When?
confirm-date = { $value }, is that right, { $name }?
pay-time = At what time?
pay-amount = How much?
children = How many?
call-back = Which number?
