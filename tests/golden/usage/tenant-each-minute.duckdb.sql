WITH "t16" AS (
  SELECT
    "t6"."key",
    "t7"."at",
    "t7"."period",
    (
      "t6"."key" * 3
    ) + "t7"."position" + 1 AS "cell"
  FROM "passed_in_1" AS "t6"
  CROSS JOIN "passed_in_2" AS "t7"
), "t39" AS (
  SELECT
    "t38"."key",
    "t38"."since",
    MAX("t38"."until") OVER (
      PARTITION BY "t38"."key", "t38"."seat"
      ORDER BY "t38"."since" ASC, "t38"."until" ASC
      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 preceding
    ) AS "before",
    MAX("t38"."until") OVER (
      PARTITION BY "t38"."key", "t38"."seat"
      ORDER BY "t38"."since" ASC, "t38"."until" ASC
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS "latest",
    LEAD("t38"."since") OVER (
      PARTITION BY "t38"."key", "t38"."seat"
      ORDER BY "t38"."since" ASC, "t38"."until" ASC
      ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
    ) AS "following"
  FROM (
    SELECT
      *
    FROM (
      SELECT
        "t36"."key",
        "t36"."seat",
        "t36"."since" + (
          (
            60 - (
              "t36"."since" % 60
            )
          ) % 60
        ) AS "since",
        "t36"."until" + (
          (
            60 - (
              "t36"."until" % 60
            )
          ) % 60
        ) AS "until"
      FROM (
        SELECT
          (
            "t35"."number" * 2
          ) + "t35"."key" AS "key",
          "t35"."seat",
          GREATEST("t35"."login", 1788220800) AS "since",
          LEAST(COALESCE("t35"."logout", 8589934592), 1788228000) AS "until"
        FROM (
          SELECT
            "t34"."tenant",
            "t34"."agent",
            "t34"."place",
            "t34"."seat",
            "t34"."login",
            "t34"."logout",
            "t34"."number",
            "t11"."key"
          FROM (
            SELECT
              "t32"."tenant",
              "t32"."agent",
              "t32"."place",
              "t32"."seat",
              "t32"."login",
              "t32"."logout",
              0 AS "number"
            FROM (
              SELECT
                "t31"."tenant",
                "t31"."agent",
                "t31"."place",
                "t31"."seat",
                "t31"."login",
                "t31"."logout"
              FROM (
                SELECT
                  "t29"."source",
                  "t29"."session_id",
                  "t29"."tenant",
                  "t29"."agent",
                  "t29"."place",
                  "t29"."dn",
                  "t29"."switch_kind",
                  "t29"."media",
                  "t29"."client",
                  "t29"."queues",
                  "t29"."login",
                  "t29"."logout",
                  "t29"."estimated",
                  CASE
                    WHEN "t29"."place" <> ''
                    THEN 'place ' || "t29"."place"
                    WHEN "t29"."dn" <> ''
                    THEN 'DN ' || "t29"."dn"
                    WHEN "t29"."agent" <> ''
                    THEN 'agent ' || "t29"."agent"
                    ELSE 'session ' || "t29"."session_id"
                  END AS "seat"
                FROM (
                  SELECT
                    "t8"."source",
                    "t8"."session_id",
                    "t8"."tenant",
                    "t8"."agent",
                    "t8"."place",
                    "t8"."dn",
                    "t8"."switch_kind",
                    "t8"."media",
                    "t8"."client",
                    "t8"."queues",
                    "t8"."login",
                    COALESCE("t8"."logout", "t28"."last") AS "logout",
                    "t8"."estimated" OR (
                      "t28"."last" IS NOT NULL
                    ) AS "estimated"
                  FROM "sessions" AS "t8"
                  LEFT OUTER JOIN (
                    SELECT
                      "t26"."fact",
                      "t26"."last"
                    FROM (
                      SELECT
                        "t25"."fact",
                        MAX("t25"."ended") AS "last",
                        COUNT(*) AS "sources",
                        COUNT("t25"."ended") AS "dead"
                      FROM (
                        SELECT
                          "t24"."fact",
                          "t24"."observer",
                          MIN("t24"."ended") AS "ended"
                        FROM (
                          SELECT
                            "t22"."fact",
                            "t22"."observer",
                            "t14"."ended"
                          FROM (
                            SELECT
                              *
                            FROM (
                              SELECT
                                "t13"."session_id" AS "fact",
                                "t13"."login" AS "begins",
                                UNNEST(STR_SPLIT_REGEX("t13"."source", '[|]')) AS "observer"
                              FROM (
                                SELECT
                                  *
                                FROM "sessions" AS "t4"
                                WHERE
                                  "t4"."logout" IS NULL
                              ) AS "t13"
                            ) AS "t18"
                            WHERE
                              "t18"."observer" <> ''
                          ) AS "t22"
                          LEFT OUTER JOIN (
                            SELECT
                              "t5"."source" AS "observer",
                              "t5"."ended"
                            FROM "ends" AS "t5"
                          ) AS "t14"
                            ON "t22"."observer" = "t14"."observer" AND "t14"."ended" >= "t22"."begins"
                        ) AS "t24"
                        GROUP BY
                          1,
                          2
                      ) AS "t25"
                      GROUP BY
                        1
                    ) AS "t26"
                    WHERE
                      "t26"."sources" = "t26"."dead"
                  ) AS "t28"
                    ON "t8"."session_id" = "t28"."fact"
                ) AS "t29"
                WHERE
                  CONTAINS("t29"."media", '|voice|')
              ) AS "t31"
              SEMI JOIN (
                SELECT
                  *
                FROM "configuration" AS "t3"
                WHERE
                  "t3"."kind" = 'system' AND "t3"."name" = 'network-switch'
              ) AS "t15"
                ON "t31"."tenant" = "t15"."tenant"
                AND "t15"."since" < COALESCE("t31"."logout", 8589934592)
                AND COALESCE("t15"."until", 8589934592) > "t31"."login"
            ) AS "t32"
          ) AS "t34"
          INNER JOIN (
            SELECT
              "t2"."key",
              "t2"."tenant"
            FROM "passed_in_3" AS "t2"
          ) AS "t11"
            ON "t34"."tenant" = "t11"."tenant"
        ) AS "t35"
      ) AS "t36"
      WHERE
        "t36"."since" < "t36"."until"
    ) AS "t37"
    WHERE
      "t37"."since" < "t37"."until"
  ) AS "t38"
)
SELECT
  "t51"."key",
  "t51"."period",
  "t51"."found" >> 34 AS "peak",
  CASE
    WHEN (
      "t51"."found" >> 34
    ) > 0
    THEN (
      (
        (
          "t51"."found" & 17179869183
        ) + 1788220800
      ) - 1
    ) - (
      (
        (
          (
            "t51"."found" & 17179869183
          ) + 1788220800
        ) - 1
      ) % 60
    )
    ELSE CAST(NULL AS BIGINT)
  END AS "last"
FROM (
  SELECT
    "t50"."key",
    "t50"."period",
    MAX("t50"."found") AS "found"
  FROM (
    SELECT
      "t49"."cell",
      "t49"."found",
      "t21"."key",
      "t21"."at",
      "t21"."period"
    FROM (
      SELECT
        "t47"."cell",
        MAX("t47"."found") AS "found"
      FROM (
        SELECT
          "t46"."before" >> 32 AS "cell",
          (
            (
              "t46"."before" & 4294967295
            ) << 34
          ) | (
            (
              "t46"."event" >> 2
            ) & 17179869183
          ) AS "found"
        FROM (
          SELECT
            "t45"."event",
            "t45"."change",
            SUM("t45"."change") OVER (ORDER BY "t45"."event" ASC ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) - "t45"."change" AS "before"
          FROM (
            SELECT
              "t44"."event",
              CASE
                WHEN (
                  "t44"."event" & 3
                ) = 2
                THEN 1
                WHEN (
                  "t44"."event" & 3
                ) = 0
                THEN -1
                ELSE 4294967296
              END AS "change"
            FROM (
              SELECT
                *
              FROM (
                SELECT
                  *
                FROM (
                  SELECT
                    (
                      "t40"."key" * 68719476736
                    ) + (
                      (
                        "t40"."since" - 1788220800
                      ) * 4
                    ) + 2 AS "event"
                  FROM "t39" AS "t40"
                  WHERE
                    (
                      "t40"."before" IS NULL
                    ) OR (
                      "t40"."since" > "t40"."before"
                    )
                ) AS "t41"
                UNION ALL
                SELECT
                  *
                FROM (
                  SELECT
                    (
                      "t40"."key" * 68719476736
                    ) + (
                      (
                        "t40"."latest" - 1788220800
                      ) * 4
                    ) + 0 AS "event"
                  FROM "t39" AS "t40"
                  WHERE
                    (
                      "t40"."following" IS NULL
                    ) OR (
                      "t40"."following" > "t40"."latest"
                    )
                ) AS "t42"
              ) AS "t43"
              UNION ALL
              SELECT
                *
              FROM (
                SELECT
                  (
                    "t17"."key" * 68719476736
                  ) + (
                    (
                      "t17"."at" - 1788220800
                    ) * 4
                  ) + 1 AS "event"
                FROM "t16" AS "t17"
              ) AS "t23"
            ) AS "t44"
          ) AS "t45"
        ) AS "t46"
      ) AS "t47"
      GROUP BY
        1
    ) AS "t49"
    INNER JOIN (
      SELECT
        *
      FROM "t16" AS "t17"
      WHERE
        "t17"."period" >= 0
    ) AS "t21"
      ON "t49"."cell" = "t21"."cell"
  ) AS "t50"
  GROUP BY
    1,
    2
) AS "t51"
